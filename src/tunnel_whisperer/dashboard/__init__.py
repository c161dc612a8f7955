"""The dashboard: pages rendered here, over ``api``. May import api, profile, doctor and base only."""

__all__: list[str] = []

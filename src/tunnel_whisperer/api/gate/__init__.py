"""Who may speak to the API and the dashboard: login links, sessions, tokens, the password, and the
checks of every request. May import base and profile only.
"""

__all__: list[str] = []

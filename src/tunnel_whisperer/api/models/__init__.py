"""What goes in and out of the API, a file for each kind of thing: pydantic models with examples."""

__all__: list[str] = []

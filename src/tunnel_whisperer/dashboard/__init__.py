"""The dashboard: pages rendered here, over ``api``. May import api, profile, doctor and base only.

A page calls the same function that answers the API's route, with the same models, and puts what it
returns into a template. Forms work without a script; htmx and server-sent events keep what is shown
up to date. ``mount`` adds all of it to the API's application; ``render_login`` is for the gate before it.
"""

from .login import render_login
from .mounting import mount

__all__ = ["mount", "render_login"]

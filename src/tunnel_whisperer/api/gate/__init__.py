"""Who may speak to the API and the dashboard: login links, sessions, tokens, the password, and the
checks of every request. Knows no route. May import base, profile and pki only.

    app = Guard(app, policy, book)                  around everything that a listener serves
    Login(policy, book, links, attempts, password)  /login and /logout, behind it
    admission(request.scope)                        who asks; check_form(..) in each handler of a form
"""

from .admission import Admission, admission, check_form
from .attempts import Attempts
from .guard import Guard
from .headers import INLINE_STYLES
from .key_book import KeyBook
from .keys import Issued, Key, Kind, Scope
from .links import LoginLinks
from .login import Login
from .login_page import render_login
from .password import Password, check_password
from .policy import GuardPolicy
from .tls import TlsFiles, check_exposure, fingerprint, own_certificate

__all__ = [
    "INLINE_STYLES",
    "Admission",
    "Attempts",
    "Guard",
    "GuardPolicy",
    "Issued",
    "Key",
    "KeyBook",
    "Kind",
    "Login",
    "LoginLinks",
    "Password",
    "Scope",
    "TlsFiles",
    "admission",
    "check_exposure",
    "check_form",
    "check_password",
    "fingerprint",
    "own_certificate",
    "render_login",
]

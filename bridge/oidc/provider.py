"""The identity provider of this site: where it is, what it signs with, and what it says of a person."""

import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from bridge.oidc.claims import Expected, professional_id, require_claims
from bridge.oidc.errors import Astray, ProviderRefused, ProviderUnavailable, TokenRefused
from bridge.oidc.jose import ALGORITHMS, Key, PrivateKey, Token, key_for, read_keys, read_token, sign, verify
from bridge.oidc.request import Asked, s256
from bridge.oidc.web import Line

CACHED_S: Final = 3600.0
"""How long the discovery document and the keys are believed: a key that was withdrawn counts an hour longer at most."""

REFETCH_S: Final = 60.0
"""Shortest time between two looks for a key that nobody knows: an invented one must not make us ask all day."""

PAUSE_S: Final = 5.0
"""How long a provider that did not answer is not asked again: whoever waits behind the first is told at once, instead
of holding the desk's threads one wait after the other."""

ASSERTION_S: Final = 60
"""Life of what proves who we are, in seconds; it is used at once."""

AGAIN: Final = frozenset(
    {"login_required", "interaction_required", "consent_required", "account_selection_required", "session_expired"}
)
"""Errors that another sign-in mends (OpenID Connect Core 1.0, 3.1.2.6)."""

DENIED: Final = frozenset({"access_denied"})

_JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_log = logging.getLogger("aval.oidc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the site says of its provider.

    Args:
        name: as people call it, e.g. "Pro Santé Connect".
        discovery_url: of its configuration; where OpenID Connect Discovery puts it when "".
        hosts: ``host[:port]`` of its addresses beside the issuer's own.
        secret: of this client; "" where ``key`` proves who we are, or nothing does (a public client).
        claim: that holds the professional identifier.
        redirect_uri: where the provider sends people back to, as it was registered there.
        authorities: PEM file, who signs its certificate; None for those that the system knows.
        after_logout: where it sends them after signing out; "" to sign out here alone.
    """

    name: str
    issuer: str
    client: str
    levels: tuple[str, ...]
    claim: str
    redirect_uri: str
    secret: str = field(default="", repr=False)
    key: PrivateKey | None = field(default=None, repr=False)
    key_id: str = ""
    scope: str = "openid"
    discovery_url: str = ""
    hosts: tuple[str, ...] = ()
    authorities: Path | None = None
    after_logout: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom the provider vouches for.

    Args:
        professional_id: "" when it says none.
        level: its "acr".
    """

    professional_id: str
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """What a code was exchanged for.

    Args:
        said: by the identity token, verified.
        given: the whole answer.
    """

    said: Mapping[str, Any] = field(repr=False)
    level: str
    access_token: str = field(repr=False)
    given: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    document: Mapping[str, Any]
    keys: tuple[Key, ...]
    at_s: float


class Provider:
    """The provider, with what it publishes of itself kept for an hour.

    Args:
        now: the time, for tokens.
        clock_s: seconds that only grow, for what is kept.

    Raises:
        OSError: ``options.authorities`` cannot be read.
    """

    def __init__(
        self,
        options: Options,
        now: Callable[[], datetime],
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.options = options
        self._now = now
        self._clock_s = clock_s
        hosts = frozenset({urlsplit(options.issuer).netloc.lower(), *options.hosts})
        self.line = Line(hosts, options.authorities)
        self._known: _Known | None = None
        self._failed: tuple[float, str] | None = None
        self._lock = threading.Lock()

    def address(self, asked: Asked, language: str, **more: str) -> str:
        """Return where a browser goes to sign in.

        Args:
            more: parameters beside those of OpenID Connect.

        Raises:
            ProviderUnavailable: it cannot be said.
        """
        mine = self.options
        query = {
            "response_type": "code",
            "client_id": mine.client,
            "redirect_uri": mine.redirect_uri,
            "scope": mine.scope,
            "state": asked.state,
            "nonce": asked.nonce,
            "code_challenge": s256(asked.verifier),
            "code_challenge_method": "S256",
            "ui_locales": language,
        } | more
        if mine.levels:
            query["acr_values"] = " ".join(mine.levels)
        return _with_query(self._endpoint("authorization_endpoint"), query)

    def require_from_here(self, answer: Mapping[str, str]) -> str:
        """Return the code of an answer that a browser brought back.

        Raises:
            Astray: another provider gave it (RFC 9207), or it holds no code.
            ProviderRefused, ProviderUnavailable: the provider says so.
        """
        issuer = answer.get("iss")
        says_it = self._publishes().document.get("authorization_response_iss_parameter_supported") is True
        if issuer != self.options.issuer and (issuer is not None or says_it):
            raise Astray("another provider's answer")
        error = answer.get("error", "")
        if error:
            _log.info("oidc.refused error=%s", error if error in AGAIN | DENIED else "other")
            if error in AGAIN | DENIED:
                raise ProviderRefused(denied=error in DENIED)
            raise ProviderUnavailable("it answered a sign-in with an error")
        if not answer.get("code"):
            raise Astray("no code")
        return answer["code"]

    def identify(self, code: str, asked: Asked) -> Identity:
        """Return whom ``code`` stands for. It is used up.

        Raises:
            TokenRefused: what it was exchanged for does not prove who it is.
            LevelTooLow: it was proved in a weaker way than is asked for.
            ProviderUnavailable: the provider does not answer, or not as it should.
        """
        redeemed = self.redeem(code, asked)
        found = professional_id(redeemed.said, self.options.claim)
        if not found and self._publishes().document.get("userinfo_endpoint"):
            found = self._told(redeemed.access_token, str(redeemed.said["sub"]))
        return Identity(professional_id=found, level=redeemed.level)

    def redeem(self, code: str, asked: Asked) -> Redeemed:
        """Return what ``code`` was exchanged for, its identity token verified; for what is raised, see ``identify``."""
        mine = self.options
        given = self._exchange(code, asked.verifier)
        texts = _texts(given, "id_token", "access_token")
        said = self._verified(read_token(texts["id_token"]))
        expected = Expected(issuer=mine.issuer, client=mine.client, nonce=asked.nonce, levels=mine.levels)
        level = require_claims(said, expected, self._now())
        return Redeemed(said=said, level=level, access_token=texts["access_token"], given=given)

    def leaving(self) -> str:
        """Return where a browser goes to sign out there too; "" when nothing is said of that.

        The client is named, not the person: an identity token as a hint would have to be kept here, and would stand in
        an address (RP-Initiated Logout 1.0, 2). The provider asks the person.
        """
        try:
            known = bool(self.options.after_logout and self._publishes().document.get("end_session_endpoint"))
            address = self._endpoint("end_session_endpoint") if known else ""
        except ProviderUnavailable:
            return ""
        query = {"client_id": self.options.client, "post_logout_redirect_uri": self.options.after_logout}
        return _with_query(address, query) if address else ""

    def check(self) -> str:
        """Return what `aval check` says of the provider.

        Raises:
            ProviderUnavailable: it does not answer, or cannot do what is asked of it.
        """
        document = self._publishes().document
        for name in ("authorization_endpoint", "token_endpoint"):
            self._endpoint(name)
        if "S256" not in document.get("code_challenge_methods_supported", ["S256"]):
            raise ProviderUnavailable("it does not take PKCE with S256")
        offered = document.get("acr_values_supported")
        if isinstance(offered, list) and not set(offered) & set(self.options.levels):
            raise ProviderUnavailable(f"of {', '.join(self.options.levels)} (desk.oidc.acr_values) it offers none")
        return f"{self.options.name} answers as {self.options.issuer}, {len(self._publishes().keys)} keys"

    # --------------------------------------------------------------------------------------- what it says of itself

    def _publishes(self) -> _Known:
        """Return its document and keys: what is kept, unless it is older than an hour."""
        with self._lock:
            known = self._known
            if known is None or self._clock_s() - known.at_s > CACHED_S:
                known = self._known = self._fetched()
            return known

    def _key_of(self, token: Token) -> Key:
        """Return the key that a token names; one that is unknown is looked for once more, once a minute at most."""
        found = key_for(token, self._publishes().keys)
        if found is None:
            with self._lock:
                if self._known is None or self._clock_s() - self._known.at_s > REFETCH_S:
                    self._known = self._fetched()
                found = key_for(token, self._known.keys)
        if found is None:
            raise TokenRefused("key")
        return found

    def _fetched(self) -> _Known:
        if self._failed is not None and self._clock_s() - self._failed[0] < PAUSE_S:
            raise ProviderUnavailable(self._failed[1])
        try:
            return self._read()
        except ProviderUnavailable as error:
            self._failed = (self._clock_s(), error.why)
            raise

    def _read(self) -> _Known:
        issuer = self.options.issuer
        place = self.options.discovery_url or f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        document = self.line.get("discovery", place)
        if document.get("issuer") != issuer:
            raise ProviderUnavailable("discovery: it calls itself otherwise than desk.oidc.issuer")
        keys = read_keys(self.line.get("keys", str(document.get("jwks_uri", ""))))
        if not keys:
            raise ProviderUnavailable(f"keys: none for {' or '.join(ALGORITHMS)}")
        return _Known(document=document, keys=keys, at_s=self._clock_s())

    def _endpoint(self, name: str) -> str:
        return self.line.require_listed(name, str(self._publishes().document.get(name, "")))

    # ------------------------------------------------------------------------------------- what it says of a person

    def _exchange(self, code: str, verifier: str) -> Mapping[str, Any]:
        mine, address = self.options, self._endpoint("token_endpoint")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": mine.redirect_uri,
            "code_verifier": verifier,
        }
        secret = None
        if mine.key is not None:
            form |= {"client_assertion_type": _JWT_BEARER, "client_assertion": self._assertion(mine.key)}
        elif not mine.secret:
            form |= {"client_id": mine.client}
        elif "client_secret_basic" in self._publishes().document.get(
            "token_endpoint_auth_methods_supported", ["client_secret_basic"]
        ):
            secret = (_quoted(mine.client), _quoted(mine.secret))
        else:
            form |= {"client_id": mine.client, "client_secret": mine.secret}
        status, given = self.line.post("token", address, form, secret=secret)
        if status != 200:
            _log.warning("oidc.token-refused status=%s", status)
            raise TokenRefused("code")
        return given

    def _assertion(self, key: PrivateKey) -> str:
        """Prove who we are by a signature (private_key_jwt, OpenID Connect Core 1.0, 9)."""
        mine, now_s = self.options, int(self._now().timestamp())
        claims = {"iss": mine.client, "sub": mine.client, "aud": mine.issuer, "jti": secrets.token_urlsafe(24)}
        return sign(claims | {"iat": now_s, "exp": now_s + ASSERTION_S}, key, mine.key_id)

    def _verified(self, token: Token) -> Mapping[str, Any]:
        return verify(token, self._key_of(token))

    def _told(self, access_token: str, subject: str) -> str:
        """Return the professional identifier from the user information, which must be of the same subject (5.3.2)."""
        said = self.line.get("user information", self._endpoint("userinfo_endpoint"), token=access_token)
        if not hmac.compare_digest(str(said.get("sub", "")).encode(), subject.encode()):
            raise TokenRefused("user information of somebody else")
        return professional_id(said, self.options.claim)


def _texts(given: Mapping[str, Any], *names: str) -> dict[str, str]:
    found = {name: given.get(name) for name in names}
    if not all(isinstance(value, str) and value.isascii() for value in found.values()):
        raise TokenRefused("no token")
    return {name: str(value) for name, value in found.items()}


def _quoted(text: str) -> str:
    """Client and secret are form-encoded before they become HTTP Basic (RFC 6749, 2.3.1)."""
    return urlencode({"": text})[1:]


def _with_query(address: str, query: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

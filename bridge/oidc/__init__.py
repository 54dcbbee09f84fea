"""Signing in at an identity provider: OpenID Connect, shaped for Pro Santé Connect. Rights and roles stay ours."""

"""One association: TLS, PDUs and what they may cost, the fast path beside PS3.7 and PS3.8; answers to errors."""

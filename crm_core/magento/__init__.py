"""One Magento shop over REST: connection, sign-in, search, typed payloads, checkout. Knows no table."""

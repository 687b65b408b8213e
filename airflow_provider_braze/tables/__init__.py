"""The engine that all series share: decode responses, build Arrow tables, sort and fingerprint them."""

"""Event files: made from captures, assessed offline, tried under several methods, published."""

"""Every metric of CONTRACT 6, declared once, and the registry that is filled with them."""

"""What an asset is worth, as far as one evaluation knows: direct and crossed prices, and those that nobody believes."""

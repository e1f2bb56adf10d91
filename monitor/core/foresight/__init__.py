"""Looking ahead and back: the same book under other rules, other prices and other holdings. Nothing here changes a book."""

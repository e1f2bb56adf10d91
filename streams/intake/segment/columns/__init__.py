"""Fields of trades as columns, judged and told apart at once."""

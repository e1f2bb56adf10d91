"""Terms that go by fiscal years: Japanese reserves, overheads, the business indicator."""

"""Looking ahead: stresses, other balances and prices, the smallest moves that mend."""

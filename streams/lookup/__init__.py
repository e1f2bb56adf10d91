"""Finding what was published: outputs by digest, alerts that stand, dead letters."""

"""How a pack is read, planned and computed: what its terms and components are, and what they give."""

"""More data from what is there: clips and photos annotated by a model, and what a person looks at of them."""

"""The free flow of networks with one hidden layer: compiled batches in the row space (§4, (4.1))."""

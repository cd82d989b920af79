"""One file a kind of sink; imported only when it is configured."""

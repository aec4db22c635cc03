"""One trainer for each kind of training."""

"""The systems under test, each as the real processes that a user would start."""

"""The leaf: errors, values, limits, tasks, log. Imports nothing of ours; everything imports it."""

"""Programs that make the traffic. They need the standard library only and run as scripts, so that
they start anywhere and import nothing of what they measure."""

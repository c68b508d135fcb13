"""Reports on what a class has handed in."""

"""What runs inside PostgreSQL, and the renderer that carries it there."""

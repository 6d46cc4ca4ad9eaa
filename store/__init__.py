"""Values in, rows out, and back. The only package that imports sqlalchemy."""

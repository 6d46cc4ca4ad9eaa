"""Pages over the database, for people who would rather look. They judge nothing themselves."""

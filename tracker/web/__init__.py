"""Pages over the database: server-rendered, no JavaScript."""

"""Tables and triggers of the full-text index: FTS5 on SQLite, tsvector with GIN on PostgreSQL.

``bill_search`` holds one row a bill: identifier, title, abstract, subjects and the text of its
newest version. Filling it row by row would cost an import more than the rows themselves, so
triggers only note in ``bill_search_todo`` which bills differ from the index (whoever wrote them),
and :func:`tracker.search.index_pending` brings those in step, many at a time.
"""

from __future__ import annotations

from sqlalchemy import Connection

_SQLITE = (
    "CREATE TABLE bill_search_todo"
    " (bill_id INTEGER PRIMARY KEY REFERENCES bill (id) ON DELETE CASCADE)",
    "CREATE VIRTUAL TABLE bill_search USING fts5(identifier, title, abstract, subjects, text,"
    " tokenize = 'porter unicode61 remove_diacritics 2')",
    """CREATE TRIGGER bill_search_new AFTER INSERT ON bill BEGIN
    INSERT OR IGNORE INTO bill_search_todo VALUES (new.id); END""",
    """CREATE TRIGGER bill_search_changed
    AFTER UPDATE OF identifier_key, title, abstract, subjects ON bill BEGIN
    INSERT OR IGNORE INTO bill_search_todo VALUES (new.id); END""",
    """CREATE TRIGGER bill_search_gone AFTER DELETE ON bill BEGIN
    DELETE FROM bill_search WHERE rowid = old.id; END""",
    """CREATE TRIGGER bill_search_version AFTER INSERT ON version
    WHEN new.text_sha256 IS NOT NULL BEGIN
    INSERT OR IGNORE INTO bill_search_todo VALUES (new.bill_id); END""",
    """CREATE TRIGGER bill_search_version_changed
    AFTER UPDATE OF text_sha256, position, removed_at ON version BEGIN
    INSERT OR IGNORE INTO bill_search_todo VALUES (new.bill_id); END""",
)

# A configuration of our own: stems English but drops no word, so that "will" and "it" are found
# as on SQLite. The words function leaves the parser nothing to read as host, path or decimal
# ("U.S.C." is a host name to it).
_POSTGRESQL = (
    "CREATE TEXT SEARCH DICTIONARY bill_search_stem (TEMPLATE = snowball, LANGUAGE = english)",
    "CREATE TEXT SEARCH CONFIGURATION bill_search (PARSER = default)",
    "ALTER TEXT SEARCH CONFIGURATION bill_search ADD MAPPING FOR asciiword, word, numword"
    " WITH bill_search_stem",
    "ALTER TEXT SEARCH CONFIGURATION bill_search ADD MAPPING FOR int, uint, float, sfloat"
    " WITH simple",
    r"""CREATE FUNCTION bill_search_words(said text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT regexp_replace(
            regexp_replace(normalize(lower(said), NFD), '[\u0300-\u036f]', '', 'g'),
            '[^[:alnum:]]+', ' ', 'g')
    $$""",
    # A tsvector holds 1 MB at most; only a text of countless different words comes near it.
    """CREATE FUNCTION bill_search_vector(name text, summary text, body text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE longest integer;
    BEGIN
        FOREACH longest IN ARRAY ARRAY[1000000, 50000] LOOP
            BEGIN
                RETURN setweight(to_tsvector('bill_search',
                        bill_search_words(left(name, longest))), 'A')
                    || setweight(to_tsvector('bill_search',
                        bill_search_words(left(summary, longest))), 'B')
                    || to_tsvector('bill_search', bill_search_words(left(body, longest)));
            EXCEPTION WHEN program_limit_exceeded THEN
                CONTINUE;
            END;
        END LOOP;
        RETURN '';
    END $$""",
    "CREATE TABLE bill_search_todo"
    " (bill_id integer PRIMARY KEY REFERENCES bill (id) ON DELETE CASCADE)",
    "CREATE TABLE bill_search"
    " (bill_id integer PRIMARY KEY REFERENCES bill (id) ON DELETE CASCADE, words tsvector)",
    "CREATE INDEX ix_bill_search_words ON bill_search USING gin (words)",
    """CREATE FUNCTION bill_search_note_bill() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO bill_search_todo VALUES (new.id) ON CONFLICT DO NOTHING; RETURN NULL; END
    $$""",
    """CREATE FUNCTION bill_search_note_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO bill_search_todo VALUES (new.bill_id) ON CONFLICT DO NOTHING; RETURN NULL; END
    $$""",
    """CREATE TRIGGER bill_search_changed
    AFTER INSERT OR UPDATE OF identifier_key, title, abstract, subjects ON bill
    FOR EACH ROW EXECUTE FUNCTION bill_search_note_bill()""",
    """CREATE TRIGGER bill_search_version
    AFTER INSERT OR UPDATE OF text_sha256, position, removed_at ON version
    FOR EACH ROW EXECUTE FUNCTION bill_search_note_version()""",
)

_DROP_SQLITE = (
    *(
        f"DROP TRIGGER bill_search_{name}"
        for name in ("new", "changed", "gone", "version", "version_changed")
    ),
    "DROP TABLE bill_search",
    "DROP TABLE bill_search_todo",
)
_DROP_POSTGRESQL = (
    "DROP TRIGGER bill_search_changed ON bill",
    "DROP TRIGGER bill_search_version ON version",
    "DROP TABLE bill_search, bill_search_todo",
    "DROP FUNCTION bill_search_note_bill(), bill_search_note_version(),"
    " bill_search_vector(text, text, text), bill_search_words(text)",
    "DROP TEXT SEARCH CONFIGURATION bill_search",
    "DROP TEXT SEARCH DICTIONARY bill_search_stem",
)


def create_search(bind: Connection) -> None:
    """Create the empty index; bills already stored wait in ``bill_search_todo``."""
    for statement in _SQLITE if bind.dialect.name == "sqlite" else _POSTGRESQL:
        bind.exec_driver_sql(statement)
    bind.exec_driver_sql("INSERT INTO bill_search_todo SELECT id FROM bill")


def drop_search(bind: Connection) -> None:
    for statement in _DROP_SQLITE if bind.dialect.name == "sqlite" else _DROP_POSTGRESQL:
        bind.exec_driver_sql(statement)

CREATE TABLE configs (id INTEGER); PRAGMA page_size = 512; VACUUM;

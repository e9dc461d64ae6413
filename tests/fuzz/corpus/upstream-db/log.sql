PRAGMA journal_mode = WAL;
CREATE TABLE configs (id INTEGER PRIMARY KEY, data TEXT NOT NULL);
INSERT INTO configs VALUES (1, '{"service":"web","namespace":"shop","workload_type":"service"}');

CREATE TABLE configs (id INTEGER PRIMARY KEY, data TEXT NOT NULL);
INSERT INTO configs VALUES
  (1, '{"service":"web","namespace":"shop","local_port":8080,"remote_port":80,"context":"current-context","workload_type":"service","protocol":"tcp","alias":"web","x":[1]}'),
  (2, '{"service":"default-service","remote_address":"db","workload_type":"proxy","protocol":"udp","namespace":"n","local_port":1,"remote_port":53}'),
  (3, 'no JSON'), (4, x'ff00'), (5, '');

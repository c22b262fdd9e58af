/// A database as applications have them: something of all that a dump has.
enum DumpSchema {
  /// For the cluster; names of roles may hold anything.
  static let roles = #"""
    CREATE ROLE shop_owner LOGIN PASSWORD 'secret';
    CREATE ROLE reader NOLOGIN;
    CREATE ROLE "Odd ""one""" LOGIN;
    GRANT reader TO "Odd ""one""";
    """#

  static let database = "CREATE DATABASE shop OWNER shop_owner"

  /// In the database, as its superuser.
  static let content = #"""
    CREATE EXTENSION pg_trgm;
    CREATE EXTENSION hstore;
    SET ROLE shop_owner;
    CREATE SCHEMA sales;
    CREATE SCHEMA "Mixed Case";
    COMMENT ON SCHEMA sales IS 'it''s
    on two lines \n';
    CREATE TYPE sales.state AS ENUM ('new', 'paid', 'sent');
    CREATE TYPE sales.place AS (street text, number int);
    CREATE DOMAIN sales.email AS text CHECK (VALUE LIKE '%@%');
    CREATE SEQUENCE sales.numbers START 1000 INCREMENT 7;
    CREATE TABLE sales.customer (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      mail sales.email NOT NULL UNIQUE,
      tags text[] NOT NULL DEFAULT '{}',
      extra jsonb,
      attributes hstore,
      home sales.place,
      length int GENERATED ALWAYS AS (length(mail)) STORED);
    CREATE INDEX customer_mail ON sales.customer USING gin (mail gin_trgm_ops);
    CREATE INDEX customer_extra ON sales.customer USING gin (extra) WHERE extra IS NOT NULL;
    CREATE TABLE sales.orders (
      id int NOT NULL DEFAULT nextval('sales.numbers'), at date NOT NULL,
      customer bigint NOT NULL REFERENCES sales.customer ON DELETE CASCADE,
      state sales.state NOT NULL DEFAULT 'new', total numeric(12, 2) CHECK (total >= 0),
      PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE sales.orders_2025 PARTITION OF sales.orders
      FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE sales.orders_rest PARTITION OF sales.orders DEFAULT;
    CREATE TABLE "Mixed Case"."a ""b""" ("select" int, bytes bytea, at timestamptz, f float8);
    CREATE UNLOGGED TABLE public.cache (k text PRIMARY KEY, v text);
    CREATE FUNCTION sales.touch() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
      NEW.tags := NEW.tags || 'touched'; -- $1 \ ;
      RETURN NEW;
    END $body$;
    CREATE TRIGGER touch BEFORE UPDATE ON sales.customer
      FOR EACH ROW WHEN (OLD.tags IS DISTINCT FROM NEW.tags) EXECUTE FUNCTION sales.touch();
    CREATE PROCEDURE sales.clean() LANGUAGE SQL AS 'DELETE FROM public.cache';
    CREATE AGGREGATE sales.product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = 1);
    CREATE VIEW sales.paid AS SELECT * FROM sales.orders WHERE state = 'paid';
    CREATE MATERIALIZED VIEW sales.totals AS
      SELECT customer, sum(total) AS total FROM sales.orders GROUP BY customer;
    CREATE UNIQUE INDEX totals_customer ON sales.totals (customer);
    CREATE STATISTICS sales.both ON state, customer FROM sales.orders_2025;
    ALTER TABLE sales.customer ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON sales.customer FOR SELECT TO reader USING (mail = current_user);
    GRANT USAGE ON SCHEMA sales TO reader;
    GRANT SELECT ON sales.customer, sales.paid TO reader;
    GRANT UPDATE (state) ON sales.orders TO "Odd ""one""" WITH GRANT OPTION;
    ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO reader;
    INSERT INTO sales.customer (mail, tags, extra, attributes, home)
      SELECT 'user' || n || '@example.org', ARRAY['a', E'b"\\\t,{}'],
        jsonb_build_object('n', n, 'text', E'line\nline \\ "quoted"'), hstore('k', n::text),
        ROW('Straße ' || n, n)::sales.place
      FROM generate_series(1, 2000) n;
    UPDATE sales.customer SET extra = NULL WHERE id % 10 = 0;
    INSERT INTO sales.orders (at, customer, state, total)
      SELECT date '2025-01-01' + n % 500, 1 + n % 2000,
        (ARRAY['new', 'paid'])[1 + n % 2]::sales.state, n / 3.0
      FROM generate_series(1, 5000) n;
    INSERT INTO "Mixed Case"."a ""b""" VALUES
      (NULL, '\x00ff5c', '2026-03-04 05:06:07.123456+02', 'NaN'), (1, '', '-infinity', 1e-300);
    INSERT INTO public.cache VALUES ('\.', '\connect nowhere'), ('', E'\\.\n\\.');
    REFRESH MATERIALIZED VIEW sales.totals;
    SELECT lo_from_bytea(4711, 'a large object');
    COMMENT ON LARGE OBJECT 4711 IS 'large';
    RESET ROLE;
    CREATE TABLE public.settings (name text PRIMARY KEY, value text);
    ALTER TABLE public.settings OWNER TO "Odd ""one""";
    CREATE PUBLICATION all_orders FOR TABLE sales.orders;
    """#
}

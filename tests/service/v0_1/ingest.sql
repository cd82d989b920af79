-- The tables of `drsn-agent ingest`. Unique keys hold the time column, as TimescaleDB and
-- partitioning by time demand. A message that comes again has the same t_end, so (t_end, epoch,
-- seq) is as unique as (epoch, seq); time leads, so that new rows come to the index's end.
CREATE SCHEMA IF NOT EXISTS drsn;

CREATE TABLE IF NOT EXISTS drsn.observation (
  t_end timestamptz NOT NULL,
  epoch uuid NOT NULL,
  seq bigint NOT NULL,
  kind text NOT NULL,              -- event, state, window
  agent text NOT NULL,
  source text NOT NULL,
  decision text NOT NULL,
  label text,
  probability double precision,
  model text NOT NULL,             -- name and version
  record jsonb NOT NULL,           -- the whole payload
  PRIMARY KEY (t_end, epoch, seq)
);
CREATE INDEX IF NOT EXISTS observation_of ON drsn.observation (agent, source, t_end);

-- Messages that an agent had to drop. A table of its own: a marker has the number of the last of
-- them, which may have been delivered after all.
CREATE TABLE IF NOT EXISTS drsn.gap (
  epoch uuid NOT NULL,
  seq bigint NOT NULL,
  agent text NOT NULL,
  t_published timestamptz NOT NULL,
  first_seq bigint NOT NULL,
  last_seq bigint NOT NULL,
  messages bigint NOT NULL,
  why text NOT NULL,
  PRIMARY KEY (epoch, seq)
);

-- What was published where observations are, and is none.
CREATE TABLE IF NOT EXISTS drsn.rejected (
  digest bytea PRIMARY KEY,        -- SHA-256 of topic and payload
  topic text NOT NULL,
  payload bytea NOT NULL,
  why text NOT NULL,
  rejected_at timestamptz NOT NULL DEFAULT now()
);

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
  site text,                       -- as configured: where the source measures
  area text,
  machine text,
  direction text,                  -- e.g. horizontal, vertical, axial
  PRIMARY KEY (t_end, epoch, seq)
);
ALTER TABLE drsn.observation  -- of version 0.2
  ADD COLUMN IF NOT EXISTS site text,
  ADD COLUMN IF NOT EXISTS area text,
  ADD COLUMN IF NOT EXISTS machine text,
  ADD COLUMN IF NOT EXISTS direction text;
CREATE INDEX IF NOT EXISTS observation_of ON drsn.observation (agent, source, t_end);

-- Levels at regular intervals, a row a channel: made for trends. The key leads with the place, so
-- that a source's history is read in one piece of the index. A message that comes again has the
-- same t_end.
CREATE TABLE IF NOT EXISTS drsn.measurement (
  t_end timestamptz NOT NULL,
  agent text NOT NULL,
  source text NOT NULL,
  channel smallint NOT NULL,       -- from 0
  epoch uuid NOT NULL,
  decision text NOT NULL,          -- the source's state at t_end
  label text,
  alarm text,                      -- of the source at t_end: none, warning, alarm
  rpm real,                        -- of the shaft; 0: it stands
  anomaly real,                    -- above 1: unlike the commissioned machine
  anomaly_slow real,
  drift real,
  seconds real NOT NULL,           -- of signal that was measured
  unit text NOT NULL,              -- of rms and peak
  rms real NOT NULL,
  peak real NOT NULL,
  crest real,
  kurtosis real,
  velocity_mm_s real,              -- RMS
  zone text,                       -- ISO 20816-3: A to D
  bpfo_db real,                    -- the bearing's lines above the spectrum around them
  bpfi_db real,
  bsf_db real,
  ftf_db real,
  bpfo_contrast_db real,           -- above the healthy machine's own
  bpfi_contrast_db real,
  bsf_contrast_db real,
  ftf_contrast_db real,
  periodicity_hz real,             -- the strongest series of lines in the envelope: its first line
  periodicity_db real,             -- and how far it stands out
  site text,                       -- as configured: where the source measures
  area text,
  machine text,
  direction text,                  -- e.g. horizontal, vertical, axial
  condition text,                  -- of the machine, as published or configured
  load_percent real,
  temperature_c real,
  running boolean,                 -- false: it stands still; null: not known
  PRIMARY KEY (agent, source, channel, t_end)
);

-- States of machines, each the worst of its points'.
CREATE TABLE IF NOT EXISTS drsn.machine (
  t_end timestamptz NOT NULL,      -- of the window that changed the state of a point
  epoch uuid NOT NULL,
  seq bigint NOT NULL,
  agent text NOT NULL,
  machine text NOT NULL,
  site text,
  area text,
  decision text NOT NULL,
  label text,
  previous text,                   -- the machine's decision before
  point text,                      -- the worst one; null: all are normal
  direction text,                  -- that it measures in
  sentence text NOT NULL,          -- for a person: the worst point's
  record jsonb NOT NULL,           -- the whole payload, with every point
  alarm text,                      -- the worst of the points': none, warning, alarm
  PRIMARY KEY (t_end, epoch, seq)
);
CREATE INDEX IF NOT EXISTS machine_of ON drsn.machine (agent, machine, t_end);

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

# frozen_string_literal: true

require "securerandom"
require "sqlite3"

# The short links, in SQLite. Every thread has its own connection; processes wait for each other's locks.
class Links
  Link = Struct.new(:code, :url, :hits, keyword_init: true)

  # How long to wait for another's lock: 500 pauses of 10 ms. SQLite's own timeout would not let other threads run meanwhile.
  BUSY_PAUSE_S = 0.01
  BUSY_TRIES = 500
  # Without the letters and digits that are mistaken for one another.
  ALPHABET = [*"a".."z", *"2".."9"] - %w[l o]

  def initialize(path)
    @path = path
    database.execute_batch <<~SQL
      PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS links (
        code TEXT PRIMARY KEY, url TEXT NOT NULL, hits INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
      );
    SQL
  end

  def add(url)
    code = Array.new(6) { ALPHABET.sample(random: SecureRandom) }.join
    database.execute("INSERT INTO links (code, url) VALUES (?, ?)", [code, url])
    code
  rescue SQLite3::ConstraintException
    retry
  end

  # Counts the visit and tells where to go, or nil.
  def visit(code)
    database.execute("UPDATE links SET hits = hits + 1 WHERE code = ?", [code])
    database.get_first_value("SELECT url FROM links WHERE code = ?", [code])
  end

  def recent(limit = 50)
    rows("SELECT code, url, hits FROM links ORDER BY created_at DESC, rowid DESC LIMIT ?", [limit])
  end

  def of(codes)
    return [] if codes.empty?

    rows("SELECT code, url, hits FROM links WHERE code IN (#{codes.map { "?" }.join(",")})", codes)
  end

  def each
    last = ""
    while (link = rows("SELECT code, url, hits FROM links WHERE code > ? ORDER BY code LIMIT 1", [last]).first)
      yield link
      last = link.code
    end
  end

  private

  def rows(sql, values)
    database.execute(sql, values).map { |code, url, hits| Link.new(code: code, url: url, hits: hits) }
  end

  # Keyed by thread and process: a connection that crosses a fork damages the file.
  def database
    Thread.current.thread_variable_get(key) || SQLite3::Database.new(@path).tap do |database|
      database.busy_handler { |tries| sleep(BUSY_PAUSE_S) && tries < BUSY_TRIES }
      Thread.current.thread_variable_set(key, database)
    end
  end

  def key
    :"links-#{Process.pid}-#{object_id}"
  end
end

# SQLite's own timeout sleeps without letting other threads of this process run, so it would wait for a lock that one of them
# holds until the time is up. Rails 7.1 and newer wait like this by themselves.
module WaitsForLocks
  PAUSE_S = 0.01

  private

  def configure_connection
    super
    tries_max = @config.fetch(:timeout, 5_000) / 1_000.0 / PAUSE_S
    @connection.busy_handler { |tries| sleep(PAUSE_S) && tries < tries_max }
  end
end

ActiveSupport.on_load(:active_record_sqlite3adapter) { prepend WaitsForLocks }

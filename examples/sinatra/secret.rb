# frozen_string_literal: true

require "fileutils"
require "securerandom"

# The key that signs sessions: SESSION_SECRET, or one made once per data folder, so that every process has the same.
module Secret
  def self.read(folder)
    ENV["SESSION_SECRET"] || File.read(made_once(File.join(folder, "session_secret")))
  end

  # Written whole under another name and then linked: of processes that start together, one wins and none reads half.
  def self.made_once(path)
    return path if File.exist?(path)

    draft = "#{path}.#{Process.pid}"
    File.write(draft, SecureRandom.hex(64), perm: 0o600)
    begin
      File.link(draft, path)
    rescue Errno::EEXIST
      # Another process was first.
    end
    File.delete(draft)
    path
  end
end

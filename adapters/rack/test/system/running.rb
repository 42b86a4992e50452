# frozen_string_literal: true

require "timeout"

# A program under test: its output, line by line as it comes, and its end.
class Running
  # For whatever a test waits for; a run that takes longer has failed.
  PATIENCE_S = 30

  attr_reader :pid, :output

  def initialize(*command, env: {}, chdir: Dir.pwd)
    @output = +""
    @lines = Queue.new
    reader, writer = IO.pipe
    # A process group of its own, so that one signal reaches it as a terminal's Ctrl-C would, and nothing else.
    @pid = spawn(env, *command, chdir: chdir, in: File::NULL, out: writer, err: writer, pgroup: true)
    writer.close
    @pump = Thread.new { pump(reader) }
  end

  # The first line from now on that matches.
  def wait_for(pattern)
    Timeout.timeout(PATIENCE_S) do
      while (line = @lines.pop)
        return line[pattern, 1] || line if line.match?(pattern)
      end
    end
    raise "#{pattern.inspect} did not come before the end:\n#{@output}"
  rescue Timeout::Error
    raise "#{pattern.inspect} did not come:\n#{@output}"
  end

  def signal(name)
    Process.kill(name, @pid)
  end

  # To all of its processes.
  def signal_group(name)
    Process.kill(name, -@pid)
  end

  # The exit status once it has ended by itself.
  def wait
    @wait ||= Timeout.timeout(PATIENCE_S) { Process.wait2(@pid).last }
    @pump.join(PATIENCE_S)
    @wait.exitstatus || "SIG#{Signal.signame(@wait.termsig)}"
  rescue Timeout::Error
    raise "it does not end:\n#{@output}"
  end

  def stop
    Process.kill("KILL", -@pid)
  rescue Errno::ESRCH
    nil
  ensure
    wait unless @wait
  end

  # Whether any process of the group runs; one that is dead and that nobody has asked for does not.
  def group?
    Dir["/proc/[0-9]*/stat"].any? do |path|
      state, _parent, group = File.read(path).rpartition(") ").last.split
      Integer(group) == @pid && state != "Z"
    rescue SystemCallError
      false
    end
  end

  # Returns when the last of the group has ended.
  def wait_for_group
    Timeout.timeout(PATIENCE_S) { Thread.pass while group? }
  end

  private

  def pump(reader)
    while (line = reader.gets)
      @output << line
      @lines << line
    end
  ensure
    @lines.close
  end
end

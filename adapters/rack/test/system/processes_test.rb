# frozen_string_literal: true

require_relative "serving_system"

# The command's processes: how they are replaced, and how they end.
class ProcessesTest < Minitest::Test
  include ServingSystem

  def test_a_process_that_dies_is_replaced
    start_proxy
    command = start_backend("kinds.ru", "-n", "2")
    first = Integer(get("/pid").body)
    Process.kill("KILL", first)
    command.wait_for(/\(#{first}\) was killed by SIGKILL: starting another/)
    pids = Array.new(6) { Integer(get("/pid").body) }

    refute_includes pids, first
    refute_includes pids, command.pid, "the supervisor serves nothing itself"
  end

  def test_processes_are_restarted_one_by_one_without_a_pause
    start_proxy
    command = start_backend("kinds.ru", "-n", "2")
    3.times do
      Process.kill("TERM", Integer(get("/pid").body))
      assert_match(/INFO: .* ended with status 0: starting another$/, command.wait_for(/starting another/))
    end
    assert_equal 200, get.status
  end

  def test_sigterm_finishes_what_has_begun
    [[], %w[-n 2]].each do |arguments|
      start_proxy
      command = start_backend("kinds.ru", *arguments)
      streaming do |client, pipe|
        command.signal("TERM")
        command.wait_for(/taking nothing new/)
        pipe.write("two\n")
        pipe.close
        assert_equal ["two\n", nil], [client.chunk, client.chunk]
      end
      assert_equal 0, command.wait
    ensure
      teardown
      setup
    end
  end

  def test_a_second_sigterm_stops_at_once
    start_proxy
    command = start_backend("kinds.ru")
    streaming do |client, _pipe|
      command.signal("TERM")
      command.wait_for(/taking nothing new/)
      command.signal("TERM")
      command.wait_for(/asked twice: stopping with 1 requests unfinished/)
      assert_equal 1, command.wait
      assert_raises(EOFError, SystemCallError) { client.chunk }
    end
  end

  def test_a_drain_has_its_time
    start_proxy
    command = start_backend("kinds.ru", "--drain-timeout", "0.1")
    streaming do
      command.signal("TERM")
      command.wait_for(/not done after 0.1 s: stopping with 1 requests unfinished/)
      assert_equal 1, command.wait
    end
  end

  def test_ctrl_c_stops_everything_at_once
    [[], %w[-n 2]].each do |arguments|
      start_proxy
      command = start_backend("kinds.ru", *arguments)
      streaming do |client, _pipe|
        command.signal_group("INT")
        assert_equal 0, command.wait
        refute_predicate command, :group?
        assert_raises(EOFError, SystemCallError) { client.chunk }
        refute_match(/\.rb:\d+:in /, command.output, "no backtrace")
      end
    ensure
      teardown
      setup
    end
  end

  def test_ctrl_c_also_stops_an_app_that_is_still_loading
    command = start_backend("slow.ru")
    command.wait_for(/loading/)
    command.signal_group("INT")

    assert_equal 0, command.wait
    refute_match(/\.rb:\d+:in /, command.output)
  end

  def test_processes_end_with_their_supervisor
    start_proxy
    command = start_backend("kinds.ru", "-n", "2")
    get
    command.signal("KILL")
    command.wait_for(/the supervisor is gone/)
    command.wait

    command.wait_for_group
  end

  def test_an_app_that_does_not_load_ends_the_command_with_its_error
    start_proxy
    [[], %w[-n 2]].each do |arguments|
      command = start_backend("broken.ru", *arguments)

      assert_equal 1, command.wait
      assert_match(/does not load: .*this app cannot begin/m, command.output)
      refute_predicate command, :group?
    end
  end

  def test_a_wrong_key_ends_the_command_with_one_sentence
    start_proxy(key: "the right one, long enough")
    [[], %w[-n 2]].each do |arguments|
      command = start_backend("kinds.ru", *arguments, env: { "SWIFTIPLY_KEY" => "a wrong one, long enough" })

      assert_equal 1, command.wait
      assert_match(/ERROR: .*key/, command.output)
      refute_match(/wrong one|\.rb:\d+:in /, command.output)
      refute_predicate command, :group?
    end
  end

  def test_one_proxy_that_refuses_does_not_end_it_while_another_serves
    start_proxy(key: "the right one, long enough")
    refusing = "unix:#{@folder}/refusing"
    FileUtils.mv(File.join(@folder, "link"), File.join(@folder, "refusing"))
    FileUtils.mv(File.join(@folder, "swiftiply.yml"), File.join(@folder, "first.yml"))
    start_proxy
    command = start_backend("kinds.ru", "--connect", refusing, "--connect", "unix:#{@folder}/link")
    command.wait_for(/ERROR: .*key/)

    assert_equal 200, get.status
  end

  def test_it_drains_without_a_proxy
    [[], %w[-n 2]].each do |arguments|
      command = start_backend("kinds.ru", *arguments)
      command.wait_for(/WARN/)
      command.signal("TERM")

      assert_equal 0, command.wait
    end
  end

  def test_the_right_key_serves_from_the_environment_and_from_a_file
    start_proxy(key: "the right one, long enough")
    file = File.join(@folder, "key")
    File.write(file, "the right one, long enough\n", perm: 0o600)
    [start_backend("kinds.ru", env: { "SWIFTIPLY_KEY" => "the right one, long enough" }),
     start_backend("kinds.ru", "--key-file", file)].each do |command|
      command.wait_for(/serving the proxy/)
      assert_equal 200, get.status
      command.signal("TERM")
      assert_equal 0, command.wait
    end
  end

  def test_it_waits_for_its_proxy_and_comes_back_to_it
    command = start_backend("kinds.ru")
    command.wait_for(/WARN/)
    start_proxy
    assert_equal 200, get.status

    @proxy.signal("KILL")
    @proxy.wait
    start_proxy
    assert_equal 200, get.status
  end

  def test_what_is_asked_wrongly_is_said_in_one_sentence
    { %w[--threads none] => /threads/, %w[--connect nowhere] => /nowhere/, %w[--key-file /none] => %r{/none},
      %w[--nonsense] => /nonsense/ }.each do |arguments, sentence|
      command = start_backend("kinds.ru", *arguments)

      assert_equal 2, command.wait, command.output
      assert_match(/\Aswiftiply-rack: .*#{sentence.source}[^\n]*\n\z/, command.output)
    end
  end
end

# frozen_string_literal: true

require_relative "../helper"
require "swiftiply/rack/options"

class OptionsTest < Minitest::Test
  def options(given = {}, **variables)
    Swiftiply::Rack::Options.new(given, variables.transform_keys(&:to_s))
  end

  def test_flags_go_before_variables_and_variables_before_defaults
    assert_equal 5, options.threads
    assert_equal 7, options({}, RAILS_MAX_THREADS: "7").threads
    assert_equal 8, options({}, RAILS_MAX_THREADS: "7", SWIFTIPLY_THREADS: "8").threads
    assert_equal 9, options({ threads: "9" }, SWIFTIPLY_THREADS: "8").threads
  end

  def test_the_proxys_address
    assert_equal ["127.0.0.1:30000"], options.connect
    assert_equal ["127.0.0.1:30000"], options({}, SWIFTIPLY: "1").connect
    assert_equal ["a:1", "unix:/run/x.sock"], options({}, SWIFTIPLY: "a:1, unix:/run/x.sock").connect
    assert_equal ["b:2", "c:3"], options({ connect: ["b:2", "c:3"] }, SWIFTIPLY: "a:1").connect
    assert_equal ["a:1"], options({ connect: [] }, SWIFTIPLY: "a:1").connect
  end

  def test_processes_are_supervised_only_when_asked_for
    assert_nil options.processes
    assert_equal 2, options({}, WEB_CONCURRENCY: "2").processes
    assert_equal 3, options({}, WEB_CONCURRENCY: "2", SWIFTIPLY_WORKERS: "3").processes
    assert_operator options({ processes: "auto" }).processes, :>=, 1
  end

  def test_a_key_file_on_the_command_line_goes_before_a_key_in_the_environment
    assert_equal ["k", nil], [options({}, SWIFTIPLY_KEY: "k").key, options({ key_file: "f" }, SWIFTIPLY_KEY: "k").key]
  end

  def test_the_key_is_never_printed
    refute_includes options({}, SWIFTIPLY_KEY: "secret").inspect, "secret"
  end

  def test_wrong_values_are_named
    { threads: "0", processes: "many", drain_timeout: "-1", log_level: "loud" }.each do |name, value|
      error = assert_raises(Swiftiply::ConfigurationError) { options({ name => value }).check }
      assert_includes error.message, value.inspect
    end
  end

  def test_early_hints_can_be_turned_off
    assert_predicate options, :early_hints?
    refute_predicate options({ early_hints: false }), :early_hints?
    refute_predicate options({}, SWIFTIPLY_EARLY_HINTS: "0"), :early_hints?
  end
end

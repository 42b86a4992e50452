# frozen_string_literal: true

require "json"
require_relative "serving_system"

# Apps of Rails and Sinatra, started in each of the ways in which their people start apps.
class FrameworksTest < Minitest::Test
  include ServingSystem

  RAILS = File.join(APPS, "rails")

  def setup
    super
    start_proxy
    # Rails writes its pid file and cache into the app's folder.
    @rails = File.join(@folder, "rails").tap { |copy| FileUtils.cp_r(RAILS, copy) }
  end

  def start_rails(*arguments, env: {})
    start_program(RbConfig.ruby, "bin/rails", "server", *arguments, chdir: @rails, env: env)
  end

  def assert_rails
    reply = get("/", headers: { "X-Forwarded-For" => "192.0.2.99" })
    assert_match(%r{\ARails .* for 127\.0\.0\.1 at http://app\.test/\z}, reply.body)
  end

  def test_rails_server_u_swiftiply
    server = start_rails("-u", "swiftiply")
    server.wait_for(/Booting Swiftiply/)
    assert_rails
    server.signal("INT")

    assert_equal 0, server.wait
    refute_path_exists File.join(@rails, "tmp/pids/server.pid")
  end

  def test_rails_server_with_swiftiply_in_the_environment
    server = start_rails
    server.wait_for(/Booting Swiftiply/)
    assert_rails
    server.signal("TERM")

    assert_equal 0, server.wait
  end

  def test_rails_server_says_that_a_port_means_nothing
    start_rails("-u", "swiftiply", "-p", "4000").wait_for(/Port ignored/)
  end

  def test_rails_with_the_command
    start_program(RbConfig.ruby, File.join(RACK, "exe/swiftiply-rack"), "-n", "2", chdir: @rails)
    assert_rails
  end

  def test_rails_reads_json_of_known_and_of_unknown_length
    start_program(RbConfig.ruby, File.join(RACK, "exe/swiftiply-rack"), chdir: @rails)
    json = { "Content-Type" => "application/json" }
    Client.open(@port) do |client|
      reply = client.request("POST", "/", headers: json, body: '{"name":"a"}')
      assert_equal({ "got" => "a", "length" => 12 }, JSON.parse(reply.body))
      client.write("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" \
                   "5\r\n{\"nam\r\n7\r\ne\":\"b\"}\r\n0\r\n\r\n")
      assert_equal({ "got" => "b", "length" => 12 }, JSON.parse(client.reply.body))
    end
  end

  def test_sinatra_with_rackup
    [%w[-s swiftiply], []].each do |arguments|
      server = start_program(RbConfig.ruby, "-S", "rackup", *arguments, File.join(APPS, "sinatra.ru"),
                             env: { "RACK_HANDLER" => "swiftiply", "RACK_ENV" => "production" })
      reply = get
      assert_equal "visit 1 from 127.0.0.1", reply.body
      cookie = reply["set-cookie"][/\A[^;]+/]
      assert_equal "visit 2 from 127.0.0.1", get("/", headers: { "Cookie" => cookie }).body
      assert_equal("hello w", Client.open(@port) do |client|
        client.request("POST", "/", body: "name=w", headers: { "Content-Type" => "application/x-www-form-urlencoded" }).body
      end)
      server.signal("INT")
      assert_equal 0, server.wait
    end
  end
end

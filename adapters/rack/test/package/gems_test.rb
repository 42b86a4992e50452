# frozen_string_literal: true

require_relative "../system/serving_system"

# Both gems, packed, installed into an empty place away from the source tree, and serving from there.
class GemsTest < Minitest::Test
  include ServingSystem

  # Packed once for all tests.
  def self.packages
    @packages ||= Dir.mktmpdir("swiftiply-gems").tap do |folder|
      Minitest.after_run { FileUtils.rm_rf(folder) }
      output, status = Open3.capture2e(File.join(RACK, "package"), folder)
      raise output unless status.success?
    end
  end

  def test_the_platform_gem_serves_without_a_compiler
    gem = Dir[File.join(self.class.packages, "swiftiply-rack-*-*.gem")].fetch(0)
    home = install(gem, env: { "CARGO" => "/no/cargo", "PATH" => "/usr/bin:/bin" })

    assert_serves(home)
    assert_empty Dir[File.join(home, "gems/*/ext")]
  end

  def test_the_source_gem_compiles_and_leaves_nothing_behind
    gem = Dir[File.join(self.class.packages, "swiftiply-rack-*.gem")].min_by(&:length)
    home = install(gem)

    assert_serves(home)
    assert_empty Dir[File.join(home, "gems/*/ext/swiftiply/target")]
  end

  def test_the_source_gem_says_what_it_lacks
    gem = Dir[File.join(self.class.packages, "swiftiply-rack-*.gem")].min_by(&:length)
    output, status = install_with(gem, { "CARGO" => "/no/cargo" })

    refute_predicate status, :success?
    assert_match(/compiled with Rust 1\.88 or later, and there is no cargo here/, output)
  end

  def install(gem, env: {})
    output, status = install_with(gem, env)
    assert_predicate status, :success?, output
    File.join(@folder, "home")
  end

  def install_with(gem, env)
    home = File.join(@folder, "home")
    # From a folder that has nothing; without GEM_PATH, so that Debian's rack is found.
    Open3.capture2e({ "GEM_HOME" => home, "GEM_PATH" => nil, "RUBYLIB" => nil }.merge(env),
                    RbConfig.ruby, "-S", "gem", "install", "--local", "--no-document", gem, chdir: @folder)
  end

  def assert_serves(home)
    start_proxy
    env = { "GEM_HOME" => home, "RUBYLIB" => nil, "FIFO" => fifo, "SWIFTIPLY" => "unix:#{@folder}/link" }
    start(File.join(home, "bin/swiftiply-rack"), File.join(APPS, "kinds.ru"), chdir: @folder, env: env)
    assert_equal "Hello, world!", get.body
  end
end

# frozen_string_literal: true

require "fileutils"
require "json"
require "open3"
require "rbconfig"
require "tmpdir"

# The compiled library, as a folder for the load path. It is compiled from the source tree as it is for the gem, unless
# SWIFTIPLY_RUBY_LIBRARY names one that is there.
module Library
  ROOT = File.expand_path("../../../..", __dir__)

  class << self
    def folder
      @folder ||= Dir.mktmpdir("swiftiply-library").tap do |folder|
        Minitest.after_run { FileUtils.rm_rf(folder) }
        FileUtils.mkdir_p(File.join(folder, "swiftiply"))
        FileUtils.ln_s(file, File.join(folder, "swiftiply", "swiftiply_ruby.#{RbConfig::CONFIG["DLEXT"]}"))
      end
    end

    def load
      $LOAD_PATH.unshift(folder) unless $LOAD_PATH.include?(folder)
      require "swiftiply/native"
    end

    private

    def file
      ENV.fetch("SWIFTIPLY_RUBY_LIBRARY") do
        cargo("build", "--release", "-p", "swiftiply-ruby")
        target = JSON.parse(cargo("metadata", "--no-deps", "--format-version", "1")).fetch("target_directory")
        File.join(target, "release", "libswiftiply_ruby.#{RbConfig::CONFIG["SOEXT"]}")
      end
    end

    def cargo(*arguments)
      output, errors, status = Open3.capture3({ "RUBY" => RbConfig.ruby }, "cargo", *arguments, chdir: ROOT)
      raise "cargo #{arguments.join(" ")} failed:\n#{errors}" unless status.success?

      output
    end
  end
end

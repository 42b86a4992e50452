class CreateEntries < ActiveRecord::Migration[6.1]
  def change
    create_table :entries do |t|
      t.string :name, null: false
      t.text :message, null: false
      t.timestamps
    end
  end
end

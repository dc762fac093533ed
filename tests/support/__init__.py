"""What tests share: databases, models, migrations."""

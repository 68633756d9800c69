"""What is true and what to do about it: records, rules, verdicts, reconciliation. Pure, sans-IO."""

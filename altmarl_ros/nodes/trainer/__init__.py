"""The trainer's node, which learns new policies beside a running fleet."""

"""The template of a relay pod in lock-step: upstream's way, emulated; its image is `kube.sh image tools`."""

LOCKSTEP = """
apiVersion: v1
kind: Pod
metadata: {labels: {app: "{hashed_name}"}}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  containers:
    - name: relay
      image: "{image}"
      command: [python3, /lockstep-relay.py]
      env:
        - {name: REMOTE_ADDRESS, value: "{remote_address}"}
        - {name: REMOTE_PORT, value: "{remote_port}"}
        - {name: LOCAL_PORT, value: "{local_port}"}
"""

{{/* Labels that select the pods of one role: (dict "root" $ "role" "receive"). */}}
{{- define "hubwire.labels" -}}
app.kubernetes.io/name: hubwire
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{/* The name of everything shared: the release's, which has to be part of the name once. */}}
{{- define "hubwire.name" -}}
{{- if contains "hubwire" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-hubwire{{ end }}
{{- end }}

{{- define "hubwire.secret" -}}
{{- .Values.existingSecret | default (include "hubwire.name" .) }}
{{- end }}

{{/* The pod of one role. `single` keeps its data on a volume; the others keep nothing. */}}
{{- define "hubwire.pod" -}}
{{- $values := index .root.Values .role -}}
# The cluster would set HUBWIRE_PORT and the like for a service of this name, and unknown settings are errors.
enableServiceLinks: false
automountServiceAccountToken: false
# A few seconds until nothing is sent here any more, then as long as Hubwire takes at most.
terminationGracePeriodSeconds: 70
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- if ne .role "single" }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{ include "hubwire.labels" . | nindent 8 }}
{{- end }}
containers:
  - name: hubwire
    image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args: [serve{{ if ne .role "single" }}, --role, {{ .role }}{{ end }}]
    envFrom:
      - configMapRef:
          name: {{ include "hubwire.name" .root }}
      {{- if or .root.Values.secrets .root.Values.existingSecret }}
      - secretRef:
          name: {{ include "hubwire.secret" .root }}
      {{- end }}
    ports:
      - name: http
        containerPort: 8080
    startupProbe:
      httpGet: { path: /health, port: http }
      periodSeconds: 2
      failureThreshold: 30
    livenessProbe:
      httpGet: { path: /health, port: http }
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      httpGet: { path: /ready, port: http }
      periodSeconds: 5
      timeoutSeconds: 5
      failureThreshold: 2
    lifecycle:
      preStop:
        sleep:
          seconds: 5
    resources: {{ toYaml $values.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    volumeMounts:
      - name: data
        mountPath: /var/lib/hubwire
      - name: tmp
        mountPath: /tmp
volumes:
  {{- if ne .role "single" }}
  # Nothing in it outlives the pod: database and journal are elsewhere.
  - name: data
    emptyDir: {}
  {{- end }}
  - name: tmp
    emptyDir: {}
{{- end }}

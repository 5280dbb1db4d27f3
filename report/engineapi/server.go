package engineapi

import (
	"fmt"
	"maps"
	"runtime"
)

// object is a JSON object of few members.
type object map[string]any

// versionFacts answers GET /version.
func (s *Server) versionFacts() object {
	api, least := fmt.Sprint("1.", newest), fmt.Sprint("1.", oldest)
	facts := object{"ApiVersion": api, "MinAPIVersion": least, "Os": runtime.GOOS, "Arch": runtime.GOARCH,
		"GoVersion": runtime.Version()}
	components := []object{{"Name": "layup", "Version": s.version, "Details": maps.Clone(facts)}}
	maps.Copy(facts, object{
		"Platform": object{"Name": "layup, image files read-only"}, "Version": s.version, "Components": components,
		"GitCommit": "", "KernelVersion": "", "BuildTime": "",
	})
	return facts
}

// infoFacts answers GET /info for an engine that has images and nothing else.
func (s *Server) infoFacts() object {
	facts := object{
		"ID": "layup", "Name": "layup", "ServerVersion": s.version,
		"OperatingSystem": "layup, image files read-only", "OSType": "linux", "Architecture": runtime.GOARCH, "NCPU": 0,
		"MemTotal": 0, "Driver": "files", "DriverStatus": [][2]string{},
		"Images": len(s.images), "Containers": 0, "ContainersRunning": 0, "ContainersPaused": 0, "ContainersStopped": 0,
		"Plugins": object{}, "RegistryConfig": object{}, "Swarm": object{"LocalNodeState": "inactive",
			"ControlAvailable": false},
		"Runtimes": object{}, "SecurityOptions": []string{}, "Warnings": []string{},
	}
	for _, ability := range []string{"MemoryLimit", "SwapLimit", "OomKillDisable", "CpuCfsPeriod", "CpuCfsQuota",
		"CPUShares", "CPUSet", "PidsLimit", "IPv4Forwarding", "BridgeNfIptables", "BridgeNfIp6tables"} {
		facts[ability] = true // else clients warn that containers cannot use it
	}
	return facts
}
